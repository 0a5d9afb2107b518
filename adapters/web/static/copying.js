// Copying. Browsers keep the clipboard from pages that came by plain http from another machine; an older
// way, by a selection, works there too. Every page has its own words for it.

function bySelection(text) {
  const back = document.activeElement;
  // beside a dialog that is open nothing can be selected
  const place = document.querySelector("dialog[open]") ?? document.body;
  const field = document.createElement("textarea");
  field.className = "unseen";
  field.value = text;
  place.append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    back?.focus({ preventScroll: true });
  }
}

// Whether it is copied.
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return bySelection(text);
  }
}
