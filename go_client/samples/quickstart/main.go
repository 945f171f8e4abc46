// Command quickstart logs 100 steps of a loss and an accuracy.
package main

import (
	"context"
	"log"
	"math"

	trackd "github.com/trackd/trackd/go_client"
)

func main() {
	run, err := trackd.Init(trackd.Options{
		Project: "demo",
		Config:  trackd.Values{"learning_rate": 0.1, "optimizer": trackd.Values{"name": "sgd"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer run.Close() // also when this function panics: the run is then failed

	for step := range 100 {
		loss := math.Exp(-float64(step) / 30)
		err := run.Log(trackd.Values{"loss": loss, "train": trackd.Values{"accuracy": 1 - loss/2}})
		if err != nil {
			log.Print(err) // a value that cannot be logged; the rest of the row is kept
		}
	}
	if err := run.Summary().Set("best_step", 99); err != nil {
		log.Print(err)
	}
	if err := run.Finish(context.Background()); err != nil {
		log.Print(err)
	}
}
