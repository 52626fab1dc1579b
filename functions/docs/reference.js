// Show openapi.json with RapiDoc, in the colours that the reader prefers.
import "./rapidoc.js";

const COLOURS = {
  light: { theme: "light", "bg-color": "#ffffff", "text-color": "#24292f", "primary-color": "#0a58ca",
    "nav-bg-color": "#f3f5f8", "nav-text-color": "#3c4653", "nav-hover-bg-color": "#e3e8ef",
    "nav-hover-text-color": "#0a58ca", "nav-accent-color": "#0a58ca" },
  dark: { theme: "dark", "bg-color": "#1c2022", "text-color": "#e4e6e6", "primary-color": "#8ab4f8",
    "nav-bg-color": "#14181a", "nav-text-color": "#c5cacc", "nav-hover-bg-color": "#2a3033",
    "nav-hover-text-color": "#8ab4f8", "nav-accent-color": "#8ab4f8" },
};
const reader = document.querySelector("rapi-doc");
const preference = matchMedia("(prefers-color-scheme: dark)");

function paint() {
  const colours = COLOURS[preference.matches ? "dark" : "light"];
  for (const [name, value] of Object.entries(colours)) reader.setAttribute(name, value);
}

// RapiDoc gives some of its fields no name, which a screen reader would need.
function nameFields() {
  const roots = [reader.shadowRoot];
  for (const root of roots) {
    for (const field of root.querySelectorAll("input, select, textarea")) {
      if (!field.hasAttribute("aria-label")) field.setAttribute("aria-label", field.id || field.className || "value");
    }
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) roots.push(element.shadowRoot);
  }
}

preference.addEventListener("change", paint);
paint();
reader.addEventListener("spec-loaded", () => {
  nameFields();
  // RapiDoc moves this line to the left for a separator that the first part of the line does not have.
  reader.shadowRoot.querySelector("#api-info").style.marginLeft = 0;
  document.body.dataset.ready = "true";
});
const response = await fetch("openapi.json");
await customElements.whenDefined("rapi-doc");
reader.loadSpec(await response.json());
