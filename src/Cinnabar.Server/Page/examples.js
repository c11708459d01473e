// What the page offers to try.

export const EXAMPLES = [
  {
    name: 'A stack with three holes',
    text: `/// <summary>A stack of items that grows when it is full.</summary>
public class Stack<T>
{
    private T[] _items = new T[4];
    private int _count;

    public int Count { get { return <fill:1>; } }

    public T Pop()
    {
        if (_count == <fill:1>) throw new InvalidOperationException();

        return _items[--_count];
    }

    public void Clear()
    {
        for (int i = 0; i < <fill:4>; i++)
        {
            _items[i] = default(T);
        }

        _count = 0;
    }
}
`,
  },
  {
    name: 'One hole of open length',
    text: `public static int CountMultiples(int[] values, int divisor)
{
    int count = 0;
    for (int i = 0; i < values.Length; i++)
    {
        if (values[i] % divisor == 0)
        {
            <fill:12>
        }
    }

    return count;
}
`,
  },
  {
    name: 'A method to continue',
    text: `/// <summary>The larger of two numbers.</summary>
public static int Max(int a, int b)
{
`,
  },
  {
    name: 'A Sudoku, for a model that learnt them',
    text: '530070000600195000098000060800060003400803001700020006060000280000419005000080079'
      .replace(/0+/g, empty => `<fill:${empty.length}>`),
  },
];
