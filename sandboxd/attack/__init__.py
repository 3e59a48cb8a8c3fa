"""The hostile suite: programs that attack, a server inside a guard to attack, and what is looked at afterwards."""
