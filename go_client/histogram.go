package trackd

import (
	"errors"
	"fmt"
	"math"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

const (
	histogramBinsDefault = 64
	histogramBinsMax     = 512 // more bins than a heat map has pixels
)

// Histogram is a distribution of numbers: either Values, which the daemon counts, or Counts with Edges.
type Histogram struct {
	// Values are a slice of any type of numbers or truth values. NaN and infinities are counted apart.
	Values any
	// Bins is how many bins of equal width to make of Values, 1 to 512; 0 means 64.
	Bins int
	// Counts are the counts, or weights, of 1 to 512 bins that were made already; finite, 0 or more.
	Counts []float64
	// Edges are the ascending finite edges of these bins, one more than Counts.
	Edges []float64
}

func (Histogram) recordName() string { return "Histogram" }

func (h Histogram) encode(draft *draft) (*pb.TypedRecord, error) {
	message := &pb.Histogram{}
	if (h.Values == nil) == (h.Counts == nil && h.Edges == nil) {
		return nil, errors.New("neither or both of Values and Counts are given; give Values, or Counts and Edges")
	}
	if h.Values == nil {
		if err := checkBins(h.Counts, h.Edges); err != nil {
			return nil, err
		}
		message.Counts = append(message.Counts, h.Counts...)
		message.Edges = append(message.Edges, h.Edges...)
	} else {
		if h.Bins < 0 || h.Bins > histogramBinsMax {
			return nil, fmt.Errorf("there are %d bins; the limit is %d, and 1 the least: ask for fewer bins", h.Bins, histogramBinsMax)
		}
		elements, known := readNumbers(h.Values)
		if !known {
			return nil, fmt.Errorf("the Values are a %T; they are a slice of numbers or truth values: convert them", h.Values)
		}
		message.Raw = draft.array(elements, elements.count)
		message.BinCount = int32(h.Bins)
		if h.Bins == 0 {
			message.BinCount = histogramBinsDefault
		}
	}
	return &pb.TypedRecord{Kind: &pb.TypedRecord_Histogram{Histogram: message}}, nil
}

func checkBins(counts, edges []float64) error {
	if len(counts) < 1 || len(counts) > histogramBinsMax {
		return fmt.Errorf("there are %d bins; the limit is %d, and 1 the least: join some", len(counts), histogramBinsMax)
	}
	if len(edges) != len(counts)+1 {
		return fmt.Errorf("there are %d Counts and %d Edges; there is one more edge than counts: correct one of them", len(counts), len(edges))
	}
	for position, edge := range edges {
		if math.IsNaN(edge) || math.IsInf(edge, 0) || position > 0 && edges[position-1] >= edge {
			return fmt.Errorf("edge %d is %v; edges are finite and each greater than the one before: sort them", position, edge)
		}
	}
	for position, count := range counts {
		if !(count >= 0) || math.IsInf(count, 0) {
			return fmt.Errorf("count %d is %v; counts are finite and 0 or more: correct it", position, count)
		}
	}
	return nil
}
