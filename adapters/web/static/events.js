// Server-sent events of a response, as they come: each name with its data. `alive` is called whenever
// anything comes, heartbeats too.

export async function* events(stream, alive = () => {}) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const found = /^event: (\w+)\ndata: (.*)$/.exec(block);
        if (found) yield [found[1], JSON.parse(found[2])];
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// A connection can die without a word. The watch aborts it after so many milliseconds in which nothing came.
export class Watch {
  #timer = 0;
  #source = new AbortController();

  constructor(silence) {
    this.silence = silence;
    this.signal = this.#source.signal;
    this.alive();
  }

  alive = () => {
    this.heard = performance.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.abort, this.silence);
  };

  end = () => clearTimeout(this.#timer);

  abort = () => {
    this.end();
    this.#source.abort();
  };
}

// Whether a connection broke; anything else is a mistake of the page's.
export const isBroken = (error) => error instanceof TypeError || ["AbortError", "NetworkError"].includes(error.name);
