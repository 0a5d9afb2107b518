// Passkeys: asks the server for a challenge, the browser for an answer, and brings it back.

import { post, say } from "./console.js";

const possible = "credentials" in navigator && typeof PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

async function create(form) {
  const options = await post("/console/account/passkeys/options");
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await navigator.credentials.create({ publicKey });
  const name = form.elements.passkey.value;
  return post("/console/account/passkeys", { credential: credential.toJSON(), name });
}

async function get(next) {
  const options = await post("/console/login/passkey/options");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await navigator.credentials.get({ publicKey });
  return post("/console/login/passkey", { credential: credential.toJSON(), next });
}

let going = false;

// One at a time: the browser asks once, and a second challenge would void the first.
async function go(ceremony) {
  if (going) return;
  going = true;
  try {
    location.assign((await ceremony()).to);
  } catch (error) {
    // NotAllowedError: the person changed their mind, and knows it
    if (error.name !== "NotAllowedError") say(error.message);
  } finally {
    going = false;
  }
}

const form = document.querySelector("[data-passkey-form]");
const button = document.querySelector("[data-passkey=get]");
if (possible && form) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(() => create(form));
  });
}
if (possible && button) {
  button.hidden = false;
  document.querySelector("[data-passkey-or]").hidden = false;
  button.addEventListener("click", () => go(() => get(button.dataset.next)));
}
