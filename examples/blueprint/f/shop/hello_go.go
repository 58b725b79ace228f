package inner

func main() (interface{}, error) {
	return "hello", nil
}
