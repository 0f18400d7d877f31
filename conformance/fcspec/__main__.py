from fcspec.cli import main

main()
