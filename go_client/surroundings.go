package trackd

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

// thisProcess names this process, on a machine of this name. Its arguments are left out: they may hold secrets.
func thisProcess(host string) *pb.Process {
	return &pb.Process{Pid: int64(os.Getpid()), Host: validText(host), Program: validText(programName()), BootId: readLine("/proc/sys/kernel/random/boot_id")}
}

func programName() string {
	if len(os.Args) > 0 && os.Args[0] != "" {
		return os.Args[0]
	}
	return "go"
}

// readLine returns the one line of a file of the system; empty where there is none.
func readLine(path string) string {
	content, _ := os.ReadFile(path)
	return validText(strings.TrimSpace(string(content)))
}

// environmentRecord says what this process knows of its surroundings. A daemon on this host finds out more from the folder; one
// elsewhere has another folder of the name, or none.
func environmentRecord(timeUnixNanos int64, isHere bool) *pb.Record {
	folder, _ := os.Getwd()
	folder = validText(folder)
	facts := []struct{ key, text string }{
		{"go.version", runtime.Version()},
		{"os.name", strings.Join(strings.Fields(runtime.GOOS+" "+readLine("/proc/sys/kernel/osrelease")+" "+runtime.GOARCH), " ")},
		{"process.folder", folder},
	}
	if information, isKnown := debug.ReadBuildInfo(); isKnown {
		facts = append(facts, struct{ key, text string }{"go.module", information.Main.Path},
			struct{ key, text string }{"go.module_version", information.Main.Version})
	}
	environment := &pb.Environment{}
	if isHere {
		environment.Folder = folder
	}
	for _, fact := range facts {
		if fact.text != "" {
			environment.Facts = append(environment.Facts, &pb.Entry{Key: fact.key, Value: cell{kind: cellText, text: fact.text}.value()})
		}
	}
	return &pb.Record{TimeUnixNanos: timeUnixNanos, Kind: &pb.Record_Environment{Environment: environment}}
}
