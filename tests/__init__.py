"""What must hold: stories, laws, agreement between engines, faults, and the rules of the house."""
