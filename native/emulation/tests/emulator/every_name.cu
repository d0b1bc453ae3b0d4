#include "device.h"

// Every name of device.h in one kernel: that nvcc takes it for all architectures is all that is asked.
namespace twofour::cuda {

template <class T>
__global__ void __launch_bounds__(64) everything(const T* __restrict__ from, float* to, int* count) {
  SHARED_ARRAY(T, tile, 16 * 32);
  DYNAMIC_SHARED(float, sums, 16, 64);
  const unsigned thread = threadIdx.x, lane = thread % 32;
  copy_async16(tile.at(thread * 8), from + thread * 8, thread < blockDim.x);
  copy_async_commit();
  copy_async_wait<0>();
  __syncthreads();
  uint32_t a[4], b[2];
  load_matrix_x4(a, tile.at(lane % 16 * 32 + lane / 16 * 8));
  load_matrix_x2_transposed(b, tile.at(lane % 16 * 32));
  float d[4] = {};
  multiply_16x8x16<T>(d, a, b);
  load_matrix_x4_transposed(a, tile.at(lane * 16));
  load_matrix_x2(b, tile.at(lane % 16 * 32));
  multiply_16x8x16<T>(d, a, b);
  __syncwarp();
  float sum = to_float(tile.load(thread)) + to_float(from_float<E4m3>(d[0])) + to_float(from_float<T>(d[1]));
  sum += to_float(tile.template load_as<Vector<T, 8>>(thread * 8)[3]);
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffff, sum, step);
  sum += __shfl_sync(0xffffffff, sum, 3);
  sums.store(thread, sum);
  sums.store_as(thread / 4 * 4, Vector<float, 4>{{sum, sum, sum, sum}});
  atomicAdd(count, round_to_int(sum) + static_cast<int>(__ballot_sync(0xffffffff, sum > 0)));
  atomicAdd(to, expf(sum) + erff(sum) + tanhf(sum) + rsqrtf(sum) + fmaxf(sum, 1) + fabsf(sum) + sqrtf(sum));
  store_global_as(to + 4 * thread, load_global_as<Vector<float, 4>>(from + 8 * thread));
  store_global_as(to + thread, pack_pair<T>(sum, sum));
}

int launch_everything(CUstream_st* stream, const Half* half, const Bfloat16* bfloat, float* to, int* count) {
  const int status = launch(everything<Half>, {2, 3}, {64}, 16 + 64 * 4, stream, half, to, count);
  return status != 0 ? status : launch(everything<Bfloat16>, {1}, {64}, 60'000, stream, bfloat, to, nullptr);
}

}  // namespace twofour::cuda
