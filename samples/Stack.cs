using System;
using System.Collections.Generic;

namespace Samples
{
    /// <summary>A stack of items that grows when it is full.</summary>
    public class Stack<T>
    {
        private T[] _items = new T[4];
        private int _count;

        /// <summary>Number of items on the stack.</summary>
        public int Count
        {
            get { return _count; }
        }

        /// <summary>Puts an item on top.</summary>
        public void Push(T item)
        {
            if (_count == _items.Length)
            {
                Array.Resize(ref _items, _items.Length * 2);
            }

            _items[_count++] = item;
        }

        /// <summary>Takes the item from the top.</summary>
        public T Pop()
        {
            if (_count == 0)
            {
                throw new InvalidOperationException("The stack is empty.");
            }

            return _items[--_count];
        }

        /// <summary>Takes all items away.</summary>
        public void Clear()
        {
            for (<fill>)
            {
                _items[i] = default(T);
            }

            _count = 0;
        }
    }
}
