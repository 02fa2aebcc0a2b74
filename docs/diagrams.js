// Load the program that draws diagrams only on pages that have one.
if (document.querySelector(".mermaid")) {
  const source = new URL("mermaid.js", document.currentScript.src);
  document.write(`<script src="${source}"><\/script>`);
}
