"""Import of orders: files of any size, row by row, through the very use case that the API places orders by."""
