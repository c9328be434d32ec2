//! The program: hands over to the command line door.

fn main() -> std::process::ExitCode {
    clamp_host::cli::main()
}
