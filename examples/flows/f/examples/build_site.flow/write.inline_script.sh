title="$1"
printf '# %s\n' "$title" > ./shared/page.md
