using Spectre.Console;

namespace Cinnabar.Cli;

/// <summary>A table on standard output: drawn on a terminal, aligned columns of plain text elsewhere.</summary>
internal static class ResultTable
{
    /// <summary>Writes the table.</summary>
    /// <param name="columns">Titles.</param>
    /// <param name="rows">A cell for each title.</param>
    /// <param name="textColumns">So many columns from the left hold words; the others hold numbers and stand to the right.</param>
    public static void Write(IReadOnlyList<string> columns, IReadOnlyList<string[]> rows, int textColumns)
    {
        if (Console.IsOutputRedirected)
        {
            WritePlain(Console.Out, columns, rows, textColumns);
            return;
        }

        Table table = new() { Border = TableBorder.Rounded };
        for (int i = 0; i < columns.Count; i++)
        {
            TableColumn column = new(Markup.Escape(columns[i])) { NoWrap = true };
            table.AddColumn(i < textColumns ? column : column.RightAligned());
        }

        foreach (string[] row in rows)
        {
            table.AddRow([.. row.Select(Markup.Escape)]);
        }

        AnsiConsole.Write(table);
    }

    /// <summary>Writes aligned columns, two spaces apart.</summary>
    internal static void WritePlain(TextWriter writer, IReadOnlyList<string> columns, IReadOnlyList<string[]> rows, int textColumns)
    {
        int[] widths = [.. columns.Select((title, i) => rows.Select(row => row[i].Length).Append(title.Length).Max())];
        foreach (IReadOnlyList<string> row in rows.Prepend([.. columns]))
        {
            IEnumerable<string> cells = row.Select((cell, i) => i < textColumns ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]));
            writer.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }
}
