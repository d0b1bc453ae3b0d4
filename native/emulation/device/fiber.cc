#include "emulation/device/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#if !defined(__x86_64__)
#error "The device emulator switches stacks by x86-64 instructions: build it on such a machine."
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

// Keeps the registers that a function has to keep and changes the stack; jumps rather than returns, because
// the processor predicts returns by the calls of the stack before. The first switch to a stack returns into
// begin_fiber, where no caller is: unwinding ends there.
asm(R"(
.pushsection .text
.p2align 4
.hidden twofour_switch_stack
.globl twofour_switch_stack
.type twofour_switch_stack, @function
twofour_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmp *%rcx
.size twofour_switch_stack, .-twofour_switch_stack
.p2align 4
.hidden twofour_begin_fiber
.globl twofour_begin_fiber
.type twofour_begin_fiber, @function
twofour_begin_fiber:
  .cfi_startproc
  .cfi_undefined rip
  movq %r12, %rdi
  call *%r13
  ud2
  .cfi_endproc
.size twofour_begin_fiber, .-twofour_begin_fiber
.popsection
)");

extern "C" void twofour_begin_fiber();

namespace twofour::emulation {
namespace {

constexpr size_t kPage = 4096;
#if defined(__SANITIZE_ADDRESS__)
// Red zones around every local.
constexpr size_t kStack = 256 * 1024;
#else
constexpr size_t kStack = 64 * 1024;
#endif

}  // namespace

void enter_fiber(Fiber* fiber) {
  fiber->arrive();
  fiber->function_(fiber->argument_);
}

Fiber::~Fiber() {
  if (stack_ != nullptr) munmap(stack_, kPage + kStack);
}

void Fiber::map() {
  void* place = mmap(nullptr, kPage + kStack, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (place == MAP_FAILED) throw std::bad_alloc();
  stack_ = static_cast<std::byte*>(place);
  // A stack that grows too large meets this page before its neighbour.
  mprotect(stack_, kPage, PROT_NONE);
}

void Fiber::start(void (*function)(void*), void* argument, size_t colour) {
  if (stack_ == nullptr) map();
#if defined(__SANITIZE_ADDRESS__)
  if (unfinished_) __asan_unpoison_memory_region(stack_ + kPage, kStack);
#endif
  function_ = function;
  argument_ = argument;
  unfinished_ = true;
  fake_ = nullptr;
  auto* top = reinterpret_cast<void**>(stack_ + kPage + kStack - colour % 32 * 128);
  *--top = nullptr;
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&twofour_begin_fiber);
  *--top = nullptr;                                // rbp
  *--top = nullptr;                                // rbx
  *--top = this;                                   // r12
  *--top = reinterpret_cast<void*>(&enter_fiber);  // r13
  *--top = nullptr;                                // r14
  *--top = nullptr;                                // r15
  place_ = top;
}

void Fiber::resume() {
#if defined(__SANITIZE_ADDRESS__)
  ground_.left = true;
  __sanitizer_start_switch_fiber(&ground_.fake, stack_ + kPage, kStack);
#endif
  twofour_switch_stack(&ground_.place, place_);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(ground_.fake, nullptr, nullptr);
#endif
}

void Fiber::leave_for_good(Fiber* next) {
  unfinished_ = false;
  start_switch(nullptr, next);
  twofour_switch_stack(&place_, next != nullptr ? next->place_ : ground_.place);
  __builtin_unreachable();
}

#if defined(__SANITIZE_ADDRESS__)
void Fiber::start_switch(void** fake, const Fiber* next) {
  const void* bottom = next != nullptr ? next->stack_ + kPage : ground_.bottom;
  __sanitizer_start_switch_fiber(fake, bottom, next != nullptr ? kStack : ground_.size);
}

void Fiber::arrive() {
  const void* bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(fake_, &bottom, &size);
  // Only one that comes from the ground sees where that is.
  if (!ground_.left) return;
  ground_.left = false;
  ground_.bottom = bottom;
  ground_.size = size;
}
#endif

}  // namespace twofour::emulation
