/**
 * What kind of picture file some bytes are, by how they begin. The sender's word is not taken: a page that calls itself a
 * picture would be served as a page.
 * @module
 */

/** Media type of the formats that can be start pictures; `application/octet-stream` for anything else. */
export function pictureType(bytes: Uint8Array): string {
  const begins = (text: string, at = 0) => [...text].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));
  if (begins("\x89PNG\r\n\x1a\n")) return "image/png";
  if (begins("\xff\xd8\xff")) return "image/jpeg";
  if (begins("GIF8")) return "image/gif";
  if (begins("RIFF") && begins("WEBP", 8)) return "image/webp";
  if (begins("ftypavi", 4)) return "image/avif"; // brands avif and avis
  if (begins("ftyp", 4)) return "image/heif";
  if (begins("II*\0") || begins("MM\0*")) return "image/tiff";
  return "application/octet-stream";
}
