// Server-sent events from the body of a response: yields the data of each event, until `[DONE]` (returns true) or the end (false).
//
// Lines end in LF, CR LF or CR; a line that starts with ":" is a comment; the data lines of one event are joined by LF. An event that
// the stream broke off in is dropped.

export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  let data = [];
  try {
    while (true) {
      const { value, done } = await reader.read();
      buffer += done ? '\n' : value;
      const lines = buffer.split(/\r\n|\n|\r(?!$)/);
      buffer = lines.pop();
      for (const line of lines) {
        if (line.startsWith('data:')) {
          data.push(line.slice(line[5] === ' ' ? 6 : 5));
        } else if (line === '' && data.length > 0) {
          const event = data.join('\n');
          data = [];
          if (event === '[DONE]') {
            return true;
          }
          yield event;
        }
      }
      if (done) {
        return false;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
