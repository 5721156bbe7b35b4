// kvm-probe: whether /dev/kvm runs what an ordinary kernel needs of it.
//
// That the device is there, and makes a processor, says little: behind it may be one that knows programs of one mode
// only, or dies of instructions that every kernel uses. So a small guest runs what kernels do: from real mode through
// protected mode to long mode, pages, an exception and the way back from it, model specific registers, the local APIC,
// and the instructions cmpxchg16b and, where the processor has them, those of BMI2.
//
// A program of its own, so that whatever happens in there ends with it: an alarm if need be.
//
// Usage: kvm-probe DEVICE
//
// Ends with status 0 where guests can run, otherwise with 1 and one line on standard output that says what went wrong.

#include <cstdio>

#if defined(__x86_64__)

#include <cpuid.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/unique_fd.h"

// Where the guest's code lies, what it says when it is through, and to whom.
#define GUEST_CODE 0x8000
#define GUEST_DONE 0x4B
#define GUEST_PORT 0xE9

#define STRING(text) #text
#define VALUE(macro) STRING(macro)
#define AT(label) "(" label " - kvm_probe_guest + " VALUE(GUEST_CODE) ")"

// It reports each step by a number, so that the last one tells where it died. The host lays out its tables (Prepare).
asm(R"(
.pushsection .rodata
.balign 16
.globl kvm_probe_guest, kvm_probe_guest_end
kvm_probe_guest:
.code16
  cli
  movb $1, %al
  outb %al, $)" VALUE(GUEST_PORT) R"(
  lgdtl )" AT("kvm_probe_gdt_pointer") R"(
  movl %cr0, %eax
  orb $1, %al
  movl %eax, %cr0
  ljmpl $8, $)" AT("kvm_probe_protected") R"(
.code32
kvm_probe_protected:
  movl $16, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movb $2, %al
  outb %al, $)" VALUE(GUEST_PORT) R"(
  movl $0x1000, %eax
  movl %eax, %cr3
  movl $0x620, %eax
  movl %eax, %cr4
  movl $0xC0000080, %ecx
  rdmsr
  orl $0x100, %eax
  wrmsr
  movl %cr0, %eax
  andl $0xFFFFFFFB, %eax
  orl $0x80010002, %eax
  movl %eax, %cr0
  ljmpl $24, $)" AT("kvm_probe_long") R"(
.code64
kvm_probe_long:
  movl $0x7F00, %esp
  movb $3, %al
  outb %al, $)" VALUE(GUEST_PORT) R"(
  lidt )" AT("kvm_probe_idt_pointer") R"(
  xorl %r14d, %r14d
  int3
  cmpl $1, %r14d
  jne 9f
  movb $4, %al
  outb %al, $)" VALUE(GUEST_PORT) R"(
  movl $0xC0000102, %ecx
  movl $0x1234, %eax
  xorl %edx, %edx
  wrmsr
  swapgs
  movl $0xC0000101, %ecx
  rdmsr
  cmpl $0x1234, %eax
  jne 9f
  movb $5, %al
  outb %al, $)" VALUE(GUEST_PORT) R"(
  movl $0x7000, %edi
  xorl %eax, %eax
  xorl %edx, %edx
  movl $5, %ebx
  movl $6, %ecx
  movq %rax, (%rdi)
  movq %rax, 8(%rdi)
  lock cmpxchg16b (%rdi)
  jne 9f
  cmpq $6, 8(%rdi)
  jne 9f
  movb $6, %al
  outb %al, $)" VALUE(GUEST_PORT) R"(
  testl %r15d, %r15d
  jz 1f
  movl $5, %ecx
  movl $3, %eax
  shlxl %ecx, %eax, %edx
  cmpl $96, %edx
  jne 9f
  movl $0xF0, %ecx
  pextl %ecx, %edx, %eax
  cmpl $6, %eax
  jne 9f
1:
  movb $7, %al
  outb %al, $)" VALUE(GUEST_PORT) R"(
  movq %cr3, %rax
  movq %rax, %cr3
  invlpg (%rdi)
  xorl %eax, %eax
  cpuid
  rdtsc
  fxsave (0x7200)
  movb $8, %al
  outb %al, $)" VALUE(GUEST_PORT) R"(
  movl $0xFEE00030, %eax
  movl (%rax), %eax
  testb $0xF0, %al
  jz 9f
  movb $)" VALUE(GUEST_DONE) R"(, %al
  outb %al, $)" VALUE(GUEST_PORT) R"(
9:
  hlt
  jmp 9b
kvm_probe_breakpoint:
  incl %r14d
  iretq
.balign 8
kvm_probe_gdt_pointer:
  .word 31
  .long 0x4000
.balign 8
kvm_probe_idt_pointer:
  .word 0xFFF
  .quad 0x5000
kvm_probe_guest_end:
.globl kvm_probe_breakpoint
.popsection
)");

extern "C" const uint8_t kvm_probe_guest[];
extern "C" const uint8_t kvm_probe_guest_end[];
extern "C" const uint8_t kvm_probe_breakpoint[];

namespace smartadm {
namespace {

constexpr size_t kMemory = 0x200000;
constexpr unsigned kTimeLimit = 3;
// Enough for its steps, which are all it says.
constexpr int kMostExits = 64;

int Fail(const char* what, int error = errno) {
  std::printf("%s: %s\n", what, std::strerror(error));
  return 1;
}

void Put(uint8_t* memory, size_t at, uint64_t value) { std::memcpy(memory + at, &value, sizeof value); }

// Tables of the guest: pages for its memory and for the local APIC, segments, and a gate for the breakpoint.
void Prepare(uint8_t* memory) {
  constexpr uint64_t kPresent = 3;
  constexpr uint64_t kLargePage = 0x83;
  constexpr uint64_t kUncached = 0x10;
  Put(memory, 0x1000, 0x2000 | kPresent);
  Put(memory, 0x2000, 0x3000 | kPresent);
  Put(memory, 0x2018, 0x6000 | kPresent);
  Put(memory, 0x3000, kLargePage);
  Put(memory, 0x6000 + 8 * 0x1F7, 0xFEE00000 | kLargePage | kUncached);
  Put(memory, 0x4008, 0x00CF9B000000FFFF);
  Put(memory, 0x4010, 0x00CF93000000FFFF);
  Put(memory, 0x4018, 0x00AF9B000000FFFF);
  const uint64_t handler = GUEST_CODE + static_cast<uint64_t>(kvm_probe_breakpoint - kvm_probe_guest);
  Put(memory, 0x5000 + 3 * 16, (handler & 0xFFFF) | (uint64_t{24} << 16) | (uint64_t{0x8E00} << 32));
  std::memcpy(memory + GUEST_CODE, kvm_probe_guest, static_cast<size_t>(kvm_probe_guest_end - kvm_probe_guest));
}

bool HasBmi2() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_BMI2) != 0;
}

// The guest gets the processor that the host's kernel offers.
bool SetProcessor(int kvm, int processor) {
  constexpr size_t kMost = 256;
  std::vector<uint8_t> space(sizeof(kvm_cpuid2) + kMost * sizeof(kvm_cpuid_entry2));
  auto* list = reinterpret_cast<kvm_cpuid2*>(space.data());
  list->nent = kMost;
  return ::ioctl(kvm, KVM_GET_SUPPORTED_CPUID, list) == 0 && ::ioctl(processor, KVM_SET_CPUID2, list) == 0;
}

// As a processor begins, but at the guest's code.
bool SetRegisters(int processor) {
  struct kvm_sregs special = {};
  if (::ioctl(processor, KVM_GET_SREGS, &special) != 0) return false;
  special.cs.base = 0;
  special.cs.selector = 0;
  if (::ioctl(processor, KVM_SET_SREGS, &special) != 0) return false;
  struct kvm_regs general = {};
  general.rip = GUEST_CODE;
  general.rflags = 2;
  general.r15 = HasBmi2() ? 1 : 0;
  return ::ioctl(processor, KVM_SET_REGS, &general) == 0;
}

int Run(int processor, struct kvm_run* run) {
  int step = 0;
  for (int exits = 0; exits < kMostExits; ++exits) {
    if (::ioctl(processor, KVM_RUN, 0) != 0) {
      if (errno == EINTR) continue;
      return Fail("KVM_RUN");
    }
    if (run->exit_reason != KVM_EXIT_IO || run->io.port != GUEST_PORT) {
      std::printf("a guest ends with exit %u after step %d\n", run->exit_reason, step);
      return 1;
    }
    step = reinterpret_cast<const uint8_t*>(run)[run->io.data_offset];
    if (step == GUEST_DONE) return 0;
  }
  std::printf("a guest does not come to an end after step %d\n", step);
  return 1;
}

int Main(const char* device) {
  // Whatever it hangs in.
  ::alarm(kTimeLimit);
  const UniqueFd kvm(::open(device, O_RDWR | O_CLOEXEC));
  if (!kvm) return Fail(device);
  if (::ioctl(kvm.get(), KVM_GET_API_VERSION, 0) != KVM_API_VERSION) return Fail("KVM_GET_API_VERSION", EPROTO);
  const UniqueFd machine(::ioctl(kvm.get(), KVM_CREATE_VM, 0));
  if (!machine) return Fail("KVM_CREATE_VM");
  if (::ioctl(machine.get(), KVM_SET_TSS_ADDR, 0xFFFBD000UL) != 0) return Fail("KVM_SET_TSS_ADDR");
  if (::ioctl(machine.get(), KVM_CREATE_IRQCHIP, 0) != 0) return Fail("KVM_CREATE_IRQCHIP");
  void* const memory = ::mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return Fail("mmap");
  Prepare(static_cast<uint8_t*>(memory));
  struct kvm_userspace_memory_region region = {};
  region.memory_size = kMemory;
  region.userspace_addr = reinterpret_cast<uint64_t>(memory);
  if (::ioctl(machine.get(), KVM_SET_USER_MEMORY_REGION, &region) != 0) return Fail("KVM_SET_USER_MEMORY_REGION");
  const UniqueFd processor(::ioctl(machine.get(), KVM_CREATE_VCPU, 0));
  if (!processor) return Fail("KVM_CREATE_VCPU");
  const int size = ::ioctl(kvm.get(), KVM_GET_VCPU_MMAP_SIZE, 0);
  if (size < static_cast<int>(sizeof(kvm_run))) return Fail("KVM_GET_VCPU_MMAP_SIZE");
  void* const run = ::mmap(nullptr, static_cast<size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED, processor.get(), 0);
  if (run == MAP_FAILED) return Fail("mmap");
  if (!SetProcessor(kvm.get(), processor.get())) return Fail("KVM_SET_CPUID2");
  if (!SetRegisters(processor.get())) return Fail("KVM_SET_REGS");
  return Run(processor.get(), static_cast<kvm_run*>(run));
}

}  // namespace
}  // namespace smartadm

int main(int argc, char** argv) {
  if (argc == 2 && argv[1][0] == '/') return smartadm::Main(argv[1]);
  // For a test, which runs it elsewhere: the guest's code.
  if (argc == 2 && std::strcmp(argv[1], "--guest") == 0) {
    uint8_t memory[0x9000] = {};
    smartadm::Prepare(memory);
    return std::fwrite(memory, 1, sizeof memory, stdout) == sizeof memory ? 0 : 1;
  }
  std::fputs("usage: kvm-probe DEVICE\n", stdout);
  return 2;
}

#else

int main() {
  std::fputs("this machine has another processor\n", stdout);
  return 1;
}

#endif
