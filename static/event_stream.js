/**
 * Server-sent events read from a `fetch` body. `EventSource` is not used because it hides the status of a refusal and
 * when it tries again, which both stand on the page.
 * @module
 */

/**
 * Yields the events of each arriving piece together, so that a long log is one change and not a thousand. Pieces with
 * comments only yield an empty list: the connection is alive. HTML standard, section 9.2.6.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{ id: string, event: string, data: unknown }[]>} data is parsed JSON
 */
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      yield blocks.map(parseEvent).filter((event) => event !== undefined);
    }
  } finally {
    reader.cancel().catch(() => {}); // the connection may be gone already
  }
}

function parseEvent(block) {
  const fields = { id: "", event: "message", data: undefined };
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    if (name === "data") fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
    else if (name === "id" || name === "event") fields[name] = value;
  }
  return fields.data === undefined ? undefined : { ...fields, data: JSON.parse(fields.data) };
}
