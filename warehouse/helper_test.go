package warehouse_test

import "os"

func mkdir(path string) error { return os.Mkdir(path, 0o700) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
