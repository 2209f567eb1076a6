sync { default.rsync,
  source = "/home/op", exclude = { ".x" },
}
rsync -a /a /b
