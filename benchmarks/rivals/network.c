/* Energy and gradient of a one-hidden-layer tanh network with softmax cross-entropy and L2: how fast
   can a CPU core be? Eight items at a time in vector registers, everything of an item computed
   before the next, gradients gathered in the first-level cache. Sizes are fixed at compile time:

     gcc -O3 -march=native -ffp-contract=fast -DNIN=2 -DNHID=10 -DNOUT=4 -shared -fPIC

   Weights: w2[j][k], w1[i][j], hidden biases, output biases. Data: inputs (NIN, items), targets
   (NOUT, items) one-hot; the number of items is a multiple of 8. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define V 8
typedef double vec __attribute__((vector_size(8 * V), aligned(8)));
typedef int64_t ivec __attribute__((vector_size(8 * V)));

#define NW (NIN * NHID + NHID * NOUT + NHID + NOUT)
#define W2(j, k) ((j) * NIN + (k))
#define W1(i, j) (NIN * NHID + (i) * NHID + (j))
#define BH(j) (NIN * NHID + NHID * NOUT + (j))
#define BO(i) (NIN * NHID + NHID * NOUT + NHID + (i))

static inline vec splat(double x) { return x - (vec){0}; }

static inline vec larger(vec a, vec b) {
    ivec m = a > b;
    return (vec)(((ivec)a & m) | ((ivec)b & ~m));
}

static inline vec exponential(vec x) { /* |x| < 700; relative error about 1e-15 */
    const double shift = 6755399441055744.0; /* 1.5 * 2^52: rounds, and leaves n in the low bits */
    vec t = x * 1.4426950408889634 + shift;
    vec n = t - shift;
    vec r = x - n * 0.693147180369123816490 - n * 1.90821492927058770002e-10;
    vec p = splat(1.0 / 479001600.0);
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    return (vec)((ivec)p + ((ivec)t << 52));
}

static inline vec hyperbolic_tangent(vec x) {
    vec bound = splat(20.0);
    x = larger(-bound, -larger(-bound, -x)); /* between -20 and 20 */
    return 1.0 - 2.0 / (exponential(2.0 * x) + 1.0);
}

static inline double sum(vec x) {
    double s = 0.0;
    for (int k = 0; k < V; k++) s += x[k];
    return s;
}

static double evaluate(const double *inputs, const double *targets, long items, double l2,
                       const double *w, double *gradient) {
    vec g[NW];
    memset(g, 0, sizeof g);
    vec energy = {0}, product = splat(1.0);
    for (long a = 0; a < items; a += V) {
        vec x[NIN], h[NHID], y[NOUT], e[NOUT];
        for (int k = 0; k < NIN; k++) memcpy(&x[k], inputs + k * items + a, sizeof(vec));
#pragma GCC unroll 16
        for (int j = 0; j < NHID; j++) {
            vec s = splat(w[BH(j)]);
            for (int k = 0; k < NIN; k++) s += w[W2(j, k)] * x[k];
            h[j] = hyperbolic_tangent(s);
        }
#pragma GCC unroll 8
        for (int i = 0; i < NOUT; i++) {
            y[i] = splat(w[BO(i)]);
#pragma GCC unroll 16
            for (int j = 0; j < NHID; j++) y[i] += w[W1(i, j)] * h[j];
        }
        vec top = y[0], total = {0};
        for (int i = 1; i < NOUT; i++) top = larger(top, y[i]);
        for (int i = 0; i < NOUT; i++) total += e[i] = exponential(larger(y[i] - top, splat(-690)));
        vec inverse = 1.0 / total;
        /* ln of a product of up to 32 numbers of at most NOUT each, in place of 32 logarithms */
        product *= total;
        energy += top;
        vec back[NHID];
        memset(back, 0, sizeof back);
#pragma GCC unroll 8
        for (int i = 0; i < NOUT; i++) {
            vec one;
            memcpy(&one, targets + i * items + a, sizeof(vec));
            energy -= one * y[i];
            vec d = e[i] * inverse - one;
            g[BO(i)] += d;
#pragma GCC unroll 16
            for (int j = 0; j < NHID; j++) {
                g[W1(i, j)] += d * h[j];
                back[j] += d * w[W1(i, j)];
            }
        }
#pragma GCC unroll 16
        for (int j = 0; j < NHID; j++) {
            vec d = back[j] * (1.0 - h[j] * h[j]);
            g[BH(j)] += d;
            for (int k = 0; k < NIN; k++) g[W2(j, k)] += d * x[k];
        }
        if ((a / V) % 32 == 31 || a + V >= items) {
            for (int k = 0; k < V; k++) energy[k] += log(product[k]);
            product = splat(1.0);
        }
    }
    double square = 0.0;
    for (int m = 0; m < NW; m++) {
        gradient[m] = sum(g[m]) / items + 2.0 * l2 * w[m];
        square += w[m] * w[m];
    }
    return sum(energy) / items + l2 * square;
}

/* `times` steps of steepest descent from w, in place; the energy at the last point evaluated. */
double descend(const double *inputs, const double *targets, long items, double l2, double *w,
               double *gradient, long times, double rate) {
    double energy = 0.0;
    for (long step = 0; step < times; step++) {
        energy = evaluate(inputs, targets, items, l2, w, gradient);
        for (int m = 0; m < NW; m++) w[m] -= rate * gradient[m];
    }
    return energy;
}
