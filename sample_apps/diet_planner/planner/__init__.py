"""SmartDiet: a day of meals that fits a person's needs."""
