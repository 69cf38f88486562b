package convert_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/redisarrow/redisarrow/convert"
)

func ExampleNewColumn() {
	ages, err := convert.NewColumn(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64, convert.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ages.Release()

	for _, cell := range []string{"30", "thirty", "31"} {
		err := ages.Append([]byte(cell))
		if errors.Is(err, convert.ErrSyntax) {
			ages.AppendNull()
		}
	}
	array := ages.NewArray()
	defer array.Release()
	fmt.Println(array)
	// Output: [30 (null) 31]
}

// A row is given up in the middle: the columns that have its cell already are
// cut back to where they were.
func ExampleColumn_truncate() {
	mem := memory.DefaultAllocator
	name, _ := convert.NewColumn(mem, arrow.BinaryTypes.String, convert.Options{})
	age, _ := convert.NewColumn(mem, arrow.PrimitiveTypes.Int64, convert.Options{})
	defer name.Release()
	defer age.Release()

	for _, row := range [][2]string{{"Alice", "30"}, {"Bob", "?"}, {"Carol", "32"}} {
		rows := name.Len()
		if name.Append([]byte(row[0])) != nil || age.Append([]byte(row[1])) != nil {
			name.Truncate(rows)
			age.Truncate(rows)
		}
	}
	names, ages := name.NewArray(), age.NewArray()
	defer names.Release()
	defer ages.Release()
	fmt.Println(names, ages)
	// Output: ["Alice" "Carol"] [30 32]
}

func ExampleNewInt64Column() {
	ttl, err := convert.NewInt64Column(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ttl.Release()
	ttl.AppendInt64(3600)
	ttl.AppendInt64(-1)
	array := ttl.NewArray()
	defer array.Release()
	fmt.Println(array)
	// Output: [3600 -1]
}

// The parsers take the whole text or nothing: no blanks, no other notation, nothing
// that the type can't hold.
func ExampleParseInt64() {
	for _, cell := range []string{"-42", "+5", " 5", "1e3", "9223372036854775808"} {
		n, err := convert.ParseInt64([]byte(cell))
		fmt.Printf("%q %d %v\n", cell, n, err)
	}
	// Output:
	// "-42" -42 <nil>
	// "+5" 5 <nil>
	// " 5" 0 text is not in a form that the type accepts
	// "1e3" 0 text is not in a form that the type accepts
	// "9223372036854775808" 0 value is out of the range of the type
}

func ExampleParseDecimal128() {
	for _, text := range []string{"19.99", "-.5", "1.500", "1.5e3", "19.995", "100000000", "1,5"} {
		n, err := convert.ParseDecimal128([]byte(text), 10, 2)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(n.ToString(2))
	}
	// Output:
	// 19.99
	// -0.50
	// 1.50
	// 1500.00
	// number has more decimal places than the type's scale: use a larger scale
	// value is out of the range of the type
	// text is not in a form that the type accepts
}

func ExampleParseTimestamp() {
	berlin := time.FixedZone("CET", 3600)
	for _, text := range []string{
		"2024-01-15T10:30:00Z",
		"2024-01-15 11:30",
		"2024-01-15T10:30:00.999+00:00",
		"1705314600",
		"1705314600000",
		"tomorrow",
	} {
		seconds, err := convert.ParseTimestamp([]byte(text), arrow.Second, berlin, nil)
		fmt.Println(seconds, err)
	}
	// Output:
	// 1705314600 <nil>
	// 1705314600 <nil>
	// 1705314600 <nil>
	// 1705314600 <nil>
	// 1705314600 <nil>
	// 0 text is not in a form that the type accepts
}

func ExampleParsePolicy() {
	policy, err := convert.ParsePolicy("skip")
	fmt.Println(policy == convert.SkipRow, err)
	// Output: true <nil>
}
