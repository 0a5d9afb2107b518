// What is under somebody's hand: nothing is taken from there or put in its place.

let pressed = null;
addEventListener("pointerdown", (event) => { pressed = event.target; }, true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { pressed = null; }, true);

// Whether a press has begun there that has not ended yet.
export const isPressed = (part) => part.contains(pressed);

// Whether something there is pressed or selected.
export function isHeld(part) {
  const chosen = getSelection();
  return isPressed(part) || (!chosen.isCollapsed && chosen.containsNode(part, true));
}

export const isUnderHand = (part) => isHeld(part) || part.contains(document.activeElement);
