const byId = (id) => document.getElementById(id);

/**
 * Files for the start picture: chosen, dropped anywhere on the page, or pasted anywhere (over text in a field, the text wins).
 * @param take `(file, { name })`
 */
export function listenForFiles(take) {
  const fileInput = byId("file");
  const choose = () => fileInput.click();
  byId("choose-file").addEventListener("click", choose);
  byId("replace").addEventListener("click", choose);
  fileInput.addEventListener("change", () => {
    if (fileInput.files.length > 0) take(fileInput.files[0], { name: fileInput.files[0].name });
    fileInput.value = "";
  });
  listenForDrops(take);
  listenForPastes(take);
}

function listenForDrops(take) {
  let depth = 0;
  const showDropping = () => {
    document.body.classList.toggle("dropping", depth > 0);
    byId("drop-hint").hidden = depth === 0;
  };
  const hasFiles = (event) => [...event.dataTransfer.types].includes("Files");
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) depth++;
    showDropping();
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) depth = Math.max(0, depth - 1);
    showDropping();
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    showDropping();
    const [file] = event.dataTransfer.files;
    if (file) take(file, { name: file.name });
  });
}

function listenForPastes(take) {
  addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
    if (!file || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    take(file, { name: "Pasted picture" });
  });
}
