// Package anomaly answers: is this value of a KPI out of the ordinary, and in which way?
package anomaly
