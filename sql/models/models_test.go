package models_test

import (
	"os"
	"testing"

	"github.com/signalcraft/signalcraft/warehouse/warehousetest"
)

func TestModels(t *testing.T) { warehousetest.Run(t, os.DirFS(".")) }
