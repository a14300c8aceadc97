import { followLatest, followOne } from "./embed_show.js";
import { EmbedPicture } from "./embed_picture.js";
import { readEmbedOptions } from "./embed_options.js";
import { connecting, createMessage } from "./slate.js";

const root = document.getElementById("scene");
const options = readEmbedOptions(location.search);
const scene = { options, picture: new EmbedPicture(root, options), message: createMessage(root, options.slate) };
const address = decodeURIComponent(location.pathname.split("/").at(-1));

scene.message.showSlate(connecting);
if (address === "latest") followLatest(scene);
else followOne(scene, address);
