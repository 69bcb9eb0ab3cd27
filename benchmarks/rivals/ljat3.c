/* The minimizer behind LJAT3 outcomes in scalar code: L-BFGS without line search in nine Cartesian
   coordinates, one cluster after the other. Memory 4, first step 0.1 g min(1/|g|, |g|), steps
   capped in length, turned around where they point uphill, a tenth where the energy rises by more
   than 1e-10; after ten tenths the memory is dropped. A component by which the gradient changes
   counts for 1e10 at most. Converged at an RMS gradient of 1e-10. */

#include <math.h>
#include <string.h>

#define N 9
#define MEMORY 4

static double dot(const double *a, const double *b) {
    double s = 0.0;
    for (int k = 0; k < N; k++) s += a[k] * b[k];
    return s;
}

/* Lennard-Jones pairs and the Axilrod-Teller term with Z = 2, in terms of squared distances. */
static double evaluate(const double *x, double *g) {
    static const int first[3] = {0, 0, 3}, second[3] = {3, 6, 6};
    double d[3][3], s[3], slope[3], energy = 0.0;
    for (int p = 0; p < 3; p++) {
        for (int k = 0; k < 3; k++) d[p][k] = x[first[p] + k] - x[second[p] + k];
        s[p] = d[p][0] * d[p][0] + d[p][1] * d[p][1] + d[p][2] * d[p][2];
        double i3 = 1.0 / (s[p] * s[p] * s[p]);
        energy += 4.0 * i3 * (i3 - 1.0);
        slope[p] = 12.0 * i3 * (1.0 - 2.0 * i3) / s[p];
    }
    double a = s[0], b = s[1], c = s[2], inverse = 1.0 / (a * b * c);
    double i32 = inverse * sqrt(inverse), i52 = i32 * inverse;
    double u = a + b - c, v = a + c - b, t = b + c - a, m = 0.375 * i52;
    energy += 2.0 * (i32 + u * v * t * m);
    double du = v * t * m, dv = u * t * m, dt = u * v * m, same = u * v * t * m;
    slope[0] += 2.0 * (-1.5 * i32 / a + du + dv - dt - 2.5 * same / a);
    slope[1] += 2.0 * (-1.5 * i32 / b + du - dv + dt - 2.5 * same / b);
    slope[2] += 2.0 * (-1.5 * i32 / c - du + dv + dt - 2.5 * same / c);
    memset(g, 0, N * sizeof *g);
    for (int p = 0; p < 3; p++)
        for (int k = 0; k < 3; k++) {
            g[first[p] + k] += 2.0 * slope[p] * d[p][k];
            g[second[p] + k] -= 2.0 * slope[p] * d[p][k];
        }
    return energy;
}

typedef struct {
    double s[MEMORY][N], y[MEMORY][N], rho[MEMORY], scale;
    int count; /* pairs so far; pair k is in slot k mod MEMORY */
} Pairs;

static void plan(const Pairs *p, const double *g, double cap, double *step) {
    double alpha[MEMORY];
    int held = p->count < MEMORY ? p->count : MEMORY;
    memcpy(step, g, N * sizeof *g);
    for (int k = p->count - 1; k >= p->count - held; k--) {
        int m = k % MEMORY;
        alpha[m] = p->rho[m] * dot(p->s[m], step);
        for (int q = 0; q < N; q++) step[q] -= alpha[m] * p->y[m][q];
    }
    double norm = sqrt(dot(g, g)), scale = 0.1 * fmin(1.0 / norm, norm);
    if (p->count) scale = p->scale;
    for (int q = 0; q < N; q++) step[q] *= scale;
    for (int k = p->count - held; k < p->count; k++) {
        int m = k % MEMORY;
        double beta = p->rho[m] * dot(p->y[m], step);
        for (int q = 0; q < N; q++) step[q] += p->s[m][q] * (alpha[m] - beta);
    }
    double length = sqrt(dot(step, step));
    double factor = (dot(step, g) > 0.0 ? -1.0 : 1.0) * fmin(1.0, cap / length);
    for (int q = 0; q < N; q++) step[q] *= factor;
}

static void remember(Pairs *p, const double *step, const double *g, const double *old) {
    double *s = p->s[p->count % MEMORY], *y = p->y[p->count % MEMORY];
    for (int q = 0; q < N; q++) y[q] = fmax(-1e10, fmin(1e10, g[q] - old[q]));
    memcpy(s, step, N * sizeof *s);
    double overlap = dot(s, y), square = dot(y, y);
    if (overlap == 0.0) overlap = 1.0;
    p->rho[p->count % MEMORY] = 1.0 / overlap;
    p->scale = overlap / (square == 0.0 ? 1.0 : square);
    p->count++;
}

/* Minimize one cluster in place; evaluations, or -1 if it did not converge. */
static long minimize(double *x, double cap) {
    double g[N], trial[N], new_g[N], step[N], energy = evaluate(x, g);
    Pairs pairs = {.count = 0};
    long evaluations = 1;
    int shortened = 0;
    if (!isfinite(energy)) return -1;
    plan(&pairs, g, cap, step);
    while (sqrt(dot(g, g) / N) >= 1e-10) {
        if (++evaluations > 10000) return -1;
        for (int q = 0; q < N; q++) trial[q] = x[q] + step[q];
        double e = evaluate(trial, new_g);
        if (e - energy <= 1e-10) {
            remember(&pairs, step, new_g, g);
            memcpy(x, trial, sizeof trial);
            memcpy(g, new_g, sizeof g);
            energy = e;
        } else if (++shortened <= 10) {
            for (int q = 0; q < N; q++) step[q] *= 0.1;
            continue;
        } else {
            pairs.count = 0;
        }
        shortened = 0;
        plan(&pairs, g, cap, step);
    }
    return evaluations;
}

/* Minimize `count` clusters in place; all evaluations, and how many did not converge. */
long minimize_all(double *positions, long count, double cap, long *unconverged) {
    long total = 0;
    *unconverged = 0;
    for (long k = 0; k < count; k++) {
        long spent = minimize(positions + N * k, cap);
        if (spent < 0) ++*unconverged;
        else total += spent;
    }
    return total;
}
