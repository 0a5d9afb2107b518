// Makes one element look like another and touches only what differs, so that a selection, a scrolled
// table or a pressed button in what stays the same stay, too.

export function morph(old, fresh) {
  const before = [...old.childNodes], after = [...fresh.childNodes];
  after.forEach((node, place) => {
    const now = before[place];
    if (!now) old.append(node);
    else if (now.isEqualNode(node)) return;
    else if (now.nodeType === Node.TEXT_NODE && node.nodeType === Node.TEXT_NODE) retell(now, node.data);
    else if (now.nodeType === Node.ELEMENT_NODE && now.nodeName === node.nodeName) {
      for (const { name } of [...now.attributes]) if (!node.hasAttribute(name)) now.removeAttribute(name);
      for (const { name, value } of node.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
      morph(now, node);
    } else now.replaceWith(node);
  });
  before.slice(after.length).forEach((node) => node.remove());
}

function retell(text, told) {
  if (told.startsWith(text.data)) text.appendData(told.slice(text.data.length));
  else text.data = told;
}
