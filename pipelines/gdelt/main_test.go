package gdelt_test

import (
	"testing"

	"github.com/signalcraft/signalcraft/api/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }
