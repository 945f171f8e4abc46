package trackd_test

import (
	"context"
	"io"
	"log"
	"os"
	"time"

	trackd "github.com/trackd/trackd/go_client"
)

// open begins a run that keeps nothing, so that the examples run anywhere.
func open() *trackd.Run {
	run, err := trackd.Init(trackd.Options{Project: "examples", Mode: trackd.ModeDisabled})
	if err != nil {
		log.Fatal(err)
	}
	return run
}

func ExampleInit() {
	run, err := trackd.Init(trackd.Options{
		Project: "examples",
		Mode:    trackd.ModeDisabled, // leave it out to track the run
		Config:  trackd.Values{"learning_rate": 0.1},
		Tags:    []string{"baseline"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer run.Close()
	// Output:
}

func ExampleRun_Log() {
	run := open()
	defer run.Close()

	type scores struct {
		Loss     float64 `json:"loss"`
		Accuracy float64 `json:"accuracy"`
	}
	for epoch := range 3 {
		err := run.Log(trackd.Values{
			"train": scores{Loss: 0.5, Accuracy: 0.75},   // train.loss and train.accuracy
			"valid": trackd.Values{"loss": float32(0.6)}, // valid.loss
			"phase": "warm up",
		}, trackd.Step(int64(epoch)))
		if err != nil {
			log.Print(err)
		}
	}
	// Output:
}

func ExampleRun_Log_records() {
	run := open()
	defer run.Close()

	words := trackd.NewTable("word", "count")
	words.AddRow("one", 1)
	words.AddRow("two", nil)
	err := run.Log(trackd.Values{
		"picture": trackd.Image{Pixels: []uint8{0, 255, 255, 0}, Shape: []int{2, 2}, Caption: "a chess board"},
		"weights": trackd.Histogram{Values: []float64{0.1, 0.2, 0.2}, Bins: 16},
		"words":   words,
		"cloud":   trackd.Object3D{Points: [][]float64{{0, 0, 0}, {1, 2, 3}}},
	})
	if err != nil {
		log.Print(err)
	}
	// Output:
}

func ExampleRun_DefineMetric() {
	run := open()
	defer run.Close()

	if err := run.DefineMetric("valid.loss", trackd.MetricOptions{StepMetric: "epoch", Summary: "min,last"}); err != nil {
		log.Print(err)
	}
	// Output:
}

func ExampleRun_Console() {
	run := open()
	defer run.Close()

	logger := log.New(io.MultiWriter(os.Stderr, run.Console(trackd.Stderr)), "", log.LstdFlags)
	_ = logger // logger.Print then writes to stderr, and to the page of the run
	// Output:
}

func ExampleRun_Flush() {
	run := open()
	defer run.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := run.Flush(ctx); err != nil {
		log.Print(err) // a *trackd.TimeoutError: it is sent all the same
	}
	// Output:
}
