// What the pages can't do without a script. Everything also works without it, by pasting.
"use strict";

const field = document.querySelector("[data-fragment]");
const keepers = [...document.querySelectorAll("[data-keeps-fragment]")].map((element) => {
  const name = element.hasAttribute("action") ? "action" : "href";
  return { element, name, address: element.getAttribute(name) };
});

// A one-time secret travels in the fragment, which no server sees: put it into the form and send that. The sign-in
// hands a fragment on to the page that it leads to.
function takeFragment() {
  const fragment = decodeURIComponentSafely(location.hash.slice(1)) || takeParked();
  if (field && fragment) {
    history.replaceState(null, "", location.pathname + location.search);
    field.value = fragment;
    field.form.requestSubmit();
  }
  if (fragment) {
    for (const { element, name, address } of keepers) element.setAttribute(name, address + location.hash);
  }
}

takeFragment();
// A link that is pasted over the address of its own page, open already, loads nothing: it only changes the fragment.
window.addEventListener("hashchange", takeFragment);

// Another site, at which somebody signs in, gets no fragment: it waits in this tab until the browser is back.
const leaver = document.querySelector("[data-parks-fragment]");
if (leaver && location.hash.length > 1) {
  leaver.addEventListener("click", () => {
    const fragment = decodeURIComponentSafely(location.hash.slice(1));
    sessionStorage.setItem("parked", JSON.stringify([leaver.dataset.parksFragment, fragment]));
  });
}

// An address that is too long for the way through the sign-in waits in this tab; the page takes it up (session.ts).
const way = document.querySelector("[data-parks-address]");
if (way) {
  try {
    sessionStorage.setItem("where to go on", location.pathname + location.search);
  } catch {
    // A browser that keeps nothing comes back to the address without its query.
  }
  location.replace(way.href);
}

for (const input of document.querySelectorAll("[data-select]")) {
  input.addEventListener("focus", () => input.select());
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const input = document.getElementById(button.dataset.copy);
    input.select();
    try {
      await navigator.clipboard.writeText(input.value);
    } catch {
      document.execCommand("copy"); // pages without TLS have no clipboard
    }
    button.textContent = "Copied";
  });
}

function takeParked() {
  const [path, text] = JSON.parse(sessionStorage.getItem("parked") || "[]");
  if (path !== location.pathname) {
    return "";
  }
  sessionStorage.removeItem("parked");
  return text;
}

function decodeURIComponentSafely(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
