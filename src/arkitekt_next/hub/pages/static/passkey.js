// Asks the browser for a passkey, and sends its answer as a form. Without it people sign in with their password.
"use strict";

// Passkeys are offered where the browser has them for this hub: at the one address that they are bound to.
const hasPasskeys = window.isSecureContext && "PublicKeyCredential" in window;
for (const form of document.querySelectorAll("[data-passkeys-at]")) {
  const isHere = location.origin === form.dataset.passkeysAt;
  form.hidden = !(isHere && hasPasskeys);
  reveal("[data-passkeys-elsewhere]", !isHere);
  reveal("[data-passkeys-unknown]", isHere && !hasPasskeys);
}

const asked = document.querySelector("[data-passkey]");
if (asked) {
  const button = document.querySelector("[data-passkey-go]");
  button.hidden = false;
  button.addEventListener("click", () => ask(asked, button));
  ask(asked, button);
}

async function ask(field, button) {
  const options = JSON.parse(field.dataset.options);
  const isNew = field.dataset.passkey === "create";
  button.disabled = true;
  reveal("[data-passkey-problem]", false);
  try {
    const publicKey = decoded(options);
    const credential = await (isNew ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
    field.value = JSON.stringify(encoded(credential));
    field.form.submit();
  } catch (error) {
    const problem = document.querySelector("[data-passkey-problem]");
    problem.textContent = said(error, isNew);
    problem.hidden = false;
    button.disabled = false;
    button.focus();
  }
}

function said(error, isNew) {
  if (error.name === "InvalidStateError") return "There is a passkey for this account on it already.";
  if (error.name === "SecurityError") return "Your browser uses no passkeys at this address. Open the hub by its name, with a certificate that your browser trusts.";
  if (error.name === "NotSupportedError") return "What you have chosen can make no such passkey. Choose another place for it.";
  if (error.name !== "NotAllowedError") return "Your browser could not do this.";
  return isNew ? "Nothing was confirmed, so no passkey was made. Try again." : "Nothing was confirmed. Try again, or use your password.";
}

// Browsers want bytes where the hub has written base64url, and the other way round.
function decoded(options) {
  const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));
  const read = { ...options, challenge: bytes(options.challenge) };
  if (options.user) read.user = { ...options.user, id: bytes(options.user.id) };
  if (options.excludeCredentials) read.excludeCredentials = known(options.excludeCredentials);
  if (options.allowCredentials) read.allowCredentials = known(options.allowCredentials);
  return read;
}

function encoded(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
}

function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function reveal(selector, isShown) {
  for (const element of document.querySelectorAll(selector)) element.hidden = !isShown;
}
