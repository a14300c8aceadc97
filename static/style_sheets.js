/** Adds style sheets that the first visit does not need. Resolves when all are there, so that nothing is seen without them. */
export function addStyleSheets(...addresses) {
  return Promise.all(addresses.map(addStyleSheet));
}

function addStyleSheet(address) {
  if (document.querySelector(`link[href="${address}"]`)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  return new Promise((resolve, reject) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", () => reject(new Error(`Cannot load ${address}`)));
    document.head.append(link);
  });
}
