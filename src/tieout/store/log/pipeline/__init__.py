"""What the log keeps about itself: rates, lags, refusals, arrivals, alerts and control totals."""
