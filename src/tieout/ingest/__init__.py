"""What arrived: bytes become events that keep their contract, or rejections with a reason."""
