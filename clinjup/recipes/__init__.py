"""What good cells look like: a registry of recipes, each one file under cells/ in percent format.

The files are read as text, never imported: their code runs in the kernel only. A recipe is a header of `# key: value` lines,
one markdown cell and one code cell that starts with a block of parameters. Adding a recipe is adding a file.
"""

from clinjup.recipes.recipe import Recipe, RenderedRecipe, recipe, recipes

__all__ = ["Recipe", "RenderedRecipe", "recipe", "recipes"]
