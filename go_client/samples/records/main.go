// Command records logs one of each typed record: an image, a histogram, a table and a cloud of points.
package main

import (
	"context"
	"image"
	"image/color"
	"log"
	"math"
	"math/rand/v2"

	trackd "github.com/trackd/trackd/go_client"
)

func main() {
	run, err := trackd.Init(trackd.Options{Project: "demo"})
	if err != nil {
		log.Fatal(err)
	}
	defer run.Close()

	values := make([]float64, 1000)
	for position := range values {
		values[position] = rand.NormFloat64()
	}
	table := trackd.NewTable("word", "count", "picture")
	table.AddRow("one", 1, trackd.Image{Pixels: []uint8{0, 255, 255, 0}, Shape: []int{2, 2}})
	table.AddRow("two", nil, nil)

	err = run.Log(trackd.Values{
		"picture":  trackd.Image{Picture: gradient(64), Caption: "red and blue"},
		"pictures": []trackd.Image{{Picture: gradient(16)}, {Picture: gradient(32)}},
		"weights":  trackd.Histogram{Values: values, Bins: 32},
		"words":    table,
		"spiral":   trackd.Object3D{Points: spiral(500), Caption: "a spiral"},
	})
	if err != nil {
		log.Print(err)
	}
	if err := run.Finish(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// gradient returns a picture of size x size pixels.
func gradient(size int) image.Image {
	picture := image.NewRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			picture.Set(x, y, color.RGBA{R: uint8(255 * x / size), B: uint8(255 * y / size), A: 255})
		}
	}
	return picture
}

// spiral returns points (x, y, z).
func spiral(count int) [][3]float32 {
	points := make([][3]float32, count)
	for position := range points {
		angle := float64(position) / 20
		points[position] = [3]float32{float32(math.Cos(angle)), float32(math.Sin(angle)), float32(angle / 10)}
	}
	return points
}
