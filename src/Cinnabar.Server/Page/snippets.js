// A request as code to paste: curl, and C# with nothing but HttpClient. A key is read from the environment, never written into the code.

export function asCurl({ path, body }, origin, needsKey) {
  const lines = [`curl ${origin}${path}`, `-H 'Content-Type: application/json'`];
  if (needsKey) {
    lines.push('-H "Authorization: Bearer $CINNABAR_API_KEY"');
  }
  lines.push(`-d '${JSON.stringify(body, null, 2).replaceAll("'", `'\\''`)}'`);
  return lines.join(' \\\n  ');
}

export function asCSharp({ path, body }, origin, needsKey) {
  const json = JSON.stringify(body, null, 4);
  const key = needsKey
    ? 'http.DefaultRequestHeaders.Authorization = new("Bearer", Environment.GetEnvironmentVariable("CINNABAR_API_KEY"));\n'
    : '';
  // JSON escapes quotes, so that there are never three in a row, which would end the C# literal.
  return `using System.Text;
using System.Text.Json;

using HttpClient http = new() { BaseAddress = new Uri("${origin}") };
${key}string request = """
${json}
""";
using StringContent content = new(request, Encoding.UTF8, "application/json");
using HttpResponseMessage response = await http.PostAsync("${path}", content);
string answer = await response.Content.ReadAsStringAsync();
if (!response.IsSuccessStatusCode)
{
    throw new HttpRequestException(answer);
}

using JsonDocument document = JsonDocument.Parse(answer);
Console.WriteLine(document.RootElement${resultOf(path)}.GetString());
`;
}

const RESULTS = {
  '/v1/infill': '.GetProperty("text")',
  '/v1/completions': '.GetProperty("choices")[0].GetProperty("text")',
  '/v1/chat/completions': '.GetProperty("choices")[0].GetProperty("message").GetProperty("content")',
};

const resultOf = path => RESULTS[path];
