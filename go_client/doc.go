// Package trackd tracks experiments: it sends the metrics, configuration, console and records of a run to the local daemon of
// trackd, which keeps and shows them.
//
//	run, err := trackd.Init(trackd.Options{Project: "demo", Config: trackd.Values{"lr": 0.1}})
//	if err != nil {
//		return err
//	}
//	defer run.Close()
//	for step := range 100 {
//		err = run.Log(trackd.Values{"loss": 1 / float64(step+1)})
//	}
//
// What is logged waits in bounded memory until the daemon has it on the disk. Nothing is kept on the disk by this process: a program
// that ends without Run.Finish or Run.Close loses what was logged in its last moments.
package trackd
