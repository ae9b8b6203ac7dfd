package main

const version = "first"
