module pointsman/e2e

go 1.24
