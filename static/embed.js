import { readEmbedAddress, readEmbedOptions } from "./embed_options.js";
import { EmbedPicture } from "./embed_picture.js";
import { showAddress } from "./embed_show.js";
import { createMessage } from "./slate.js";

const root = document.getElementById("scene");
const options = readEmbedOptions(location.search);
if (options.background) document.body.style.backgroundColor = options.background;
const scene = { options, picture: new EmbedPicture(root, options), message: createMessage(root, options.slate) };
showAddress(readEmbedAddress(location.pathname), scene);
