// Command shared is one of several processes that write one run:
//
//	TRACKD_RUN_ID=joint shared "rank 0" & TRACKD_RUN_ID=joint shared "rank 1" & wait
package main

import (
	"context"
	"log"
	"os"

	trackd "github.com/trackd/trackd/go_client"
)

func main() {
	if len(os.Args) != 2 || os.Getenv("TRACKD_RUN_ID") == "" {
		log.Fatal("usage: TRACKD_RUN_ID=ID shared LABEL")
	}
	label := os.Args[1]
	run, err := trackd.Init(trackd.Options{Mode: trackd.ModeShared, Label: label})
	if err != nil {
		log.Fatal(err)
	}
	for n := range 1000 {
		if err := run.Log(trackd.Values{label + "/n": n, label + "/half": float64(n) / 2}); err != nil {
			log.Fatal(err)
		}
	}
	if err := run.Finish(context.Background()); err != nil {
		log.Fatal(err)
	}
}
