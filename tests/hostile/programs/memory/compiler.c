// attack = "has the compiler make two million words of nine"
// threats = [1]
// compile_limits = { memory_bytes = "64MiB" }
// outcome = "MEMORY_LIMIT"
// cause = "memory_bytes"
#define A(x) x, x, x, x, x, x, x, x
#define B(x) A(x), A(x), A(x), A(x), A(x), A(x), A(x), A(x)
#define C(x) B(x), B(x), B(x), B(x), B(x), B(x), B(x), B(x)
#define D(x) C(x), C(x), C(x), C(x), C(x), C(x), C(x), C(x)
#define E(x) D(x), D(x), D(x), D(x), D(x), D(x), D(x), D(x)
#define F(x) E(x), E(x), E(x), E(x), E(x), E(x), E(x), E(x)
int held[] = {F(1), F(2), F(3), F(4), F(5), F(6), F(7), F(8), F(9)};

int main(void)
{
    return 0;
}
