"""The operators' console. `app.add_console` is the entrance.

A page is one module with `def router(console: Console) -> APIRouter`, in which every route takes
`console.needs(ROLE)`; a template that extends `layout.html` and is made of the components in
`parts.html` (`ui.…`); words in `words/console/PAGE.en.json` and `PAGE.zh.json`, whose keys begin
with the page's name; and a line in `pages.PAGES`. What only some pages need of the house is a field of
`ConsoleDeps` with a default of None. `audit.py` is the shortest to look at.
"""
