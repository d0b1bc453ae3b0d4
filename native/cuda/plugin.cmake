# The CUDA plugin, libtwofour_cuda.so beside the addon. It needs nvcc and the headers of cuBLASLt, cuSPARSELt and
# cuSPARSE (`npm run cuda:headers`, a toolkit that has them, or NVIDIA's Python wheels); nothing of CUDA at run time
# but what native/cuda/libraries.cc opens. TWOFOUR_CUDA is AUTO (where all of that is), ON (or fail) or OFF.
set(TWOFOUR_CUDA AUTO CACHE STRING "The CUDA plugin: AUTO, ON or OFF")
set(wanted ${TWOFOUR_CUDA})
if(NOT "$ENV{TWOFOUR_CUDA}" STREQUAL "")
  set(wanted $ENV{TWOFOUR_CUDA})
endif()
if(NOT wanted MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "Expected TWOFOUR_CUDA to be AUTO, ON or OFF, got '${wanted}'.")
endif()

# Says why there is no plugin; an error only where one was asked for.
macro(twofour_without_cuda sentence)
  if(wanted STREQUAL "ON")
    message(FATAL_ERROR "TWOFOUR_CUDA=ON: ${sentence}")
  endif()
  message(STATUS "CUDA plugin: not built. ${sentence}")
  return()
endmacro()

if(wanted STREQUAL "OFF")
  message(STATUS "CUDA plugin: not built. TWOFOUR_CUDA=OFF.")
  return()
endif()

file(GLOB kernels CONFIGURE_DEPENDS native/cuda/kernels/*.cu)
if(NOT kernels)
  twofour_without_cuda("native/cuda/kernels is empty.")
endif()
if(CMAKE_CROSSCOMPILING)
  twofour_without_cuda("It is compiled on the machine that it is for.")
endif()

set(toolkits ${CUDAToolkit_ROOT} $ENV{CUDAToolkit_ROOT} $ENV{CUDA_PATH} $ENV{CUDA_HOME} /usr/local/cuda)
if(NOT CMAKE_CUDA_COMPILER AND "$ENV{CUDACXX}" STREQUAL "")
  find_program(TWOFOUR_NVCC nvcc HINTS ${toolkits} PATH_SUFFIXES bin)
  if(NOT TWOFOUR_NVCC)
    twofour_without_cuda("nvcc was not found: put it on PATH, or name its toolkit in CUDA_PATH.")
  endif()
  set(ENV{CUDACXX} ${TWOFOUR_NVCC})
endif()

# Headers first: to try the compiler takes ten seconds.
set(wheels)
foreach(environment IN ITEMS "$ENV{VIRTUAL_ENV}" "$ENV{CONDA_PREFIX}")
  if(environment)
    file(GLOB found ${environment}/lib/python3*/site-packages/nvidia/*)
    list(APPEND wheels ${found})
  endif()
endforeach()
set(missing)
macro(twofour_find_header variable header)
  find_path(${variable} ${header}
    HINTS ${CMAKE_SOURCE_DIR}/build/cuda-headers ${ARGN} ${toolkits} ${wheels} PATH_SUFFIXES include)
  mark_as_advanced(${variable})
  if(NOT ${variable})
    list(APPEND missing ${header})
  endif()
endmacro()
twofour_find_header(TWOFOUR_CUBLASLT_INCLUDE cublasLt.h $ENV{CUBLAS_ROOT})
twofour_find_header(TWOFOUR_CUSPARSELT_INCLUDE cusparseLt.h $ENV{CUSPARSELT_ROOT})
twofour_find_header(TWOFOUR_CUSPARSE_INCLUDE cusparse.h $ENV{CUSPARSE_ROOT})
if(missing)
  list(JOIN missing ", " missing)
  twofour_without_cuda("nvcc is here, but not ${missing}: `npm run cuda:headers` fetches them.")
endif()

# Machine code for what most people have, and PTX of 9.0, which the driver compiles for newer cards: PTX of 9.0a
# would serve that one card only, and PTX of a newer card would leave out those between. A list of CMake's own would
# compile each kernel five times instead of three: 8.6 has no instruction that 8.0 lacks, and 9.0a none that is used.
set(architectures)
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES OFF)
  set(architectures --generate-code=arch=compute_80,code=[sm_80,sm_86] --generate-code=arch=compute_89,code=[sm_89]
    --generate-code=arch=compute_90,code=[sm_90a,compute_90])
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  twofour_without_cuda("nvcc is here, but does not work with this C++ compiler: name another in CUDAHOSTCXX.")
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 13.0)
  twofour_without_cuda("${CMAKE_CUDA_COMPILER} is of CUDA ${CMAKE_CUDA_COMPILER_VERSION}; it has to be 13.0 or newer.")
endif()
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  # CMake 3.25 does not know yet that nvcc has C++20.
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()

file(GLOB sources CONFIGURE_DEPENDS native/cuda/*.cc native/backend/*.cc native/base/*.cc)
list(FILTER sources EXCLUDE REGEX /glibc\\.cc$)
add_library(twofour_cuda MODULE ${sources} ${kernels})
set_target_properties(twofour_cuda PROPERTIES PREFIX lib SUFFIX .so
  CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF CUDA_VISIBILITY_PRESET hidden)
target_include_directories(twofour_cuda PRIVATE native native/cuda/device)
target_include_directories(twofour_cuda SYSTEM PRIVATE
  ${TWOFOUR_CUBLASLT_INCLUDE} ${TWOFOUR_CUSPARSELT_INCLUDE} ${TWOFOUR_CUSPARSE_INCLUDE} ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
target_compile_definitions(twofour_cuda PRIVATE TWOFOUR_EMULATED=false)
target_link_libraries(twofour_cuda PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
target_link_options(twofour_cuda PRIVATE -Wl,--no-undefined)
# Not -Wpedantic in kernels: nvcc writes line directives that it objects to. Machine code is compressed as PTX is, to a
# sixth: every driver that CUDA 13 runs on unpacks it.
target_compile_options(twofour_cuda PRIVATE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic> "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra;-Xfatbin=-compress-all;${architectures}>")
if(TWOFOUR_WERROR)
  target_compile_options(twofour_cuda PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Werror> $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xcompiler=-Werror>)
endif()
set(runtime_symbols)
if(TWOFOUR_OLD_GLIBC)
  # What the static CUDA runtime asks for: native/cuda/glibc.cc lists the same. Before glibc 2.34 some of it is in
  # librt, which Node does not load.
  target_sources(twofour_cuda PRIVATE native/cuda/glibc.cc)
  target_link_options(twofour_cuda PRIVATE -Wl,--no-as-needed -l:librt.so.1)
  set(runtime_symbols
    dlclose dlvsym pthread_condattr_setpshared pthread_kill pthread_mutex_trylock pthread_mutexattr_destroy
    pthread_mutexattr_init pthread_mutexattr_setpshared pthread_mutexattr_settype pthread_rwlock_destroy
    pthread_rwlock_init pthread_rwlock_rdlock pthread_rwlock_timedrdlock pthread_rwlock_timedwrlock
    pthread_rwlock_tryrdlock pthread_rwlock_trywrlock pthread_rwlock_unlock pthread_rwlock_wrlock
    pthread_rwlockattr_destroy pthread_rwlockattr_init pthread_rwlockattr_setpshared pthread_spin_destroy
    pthread_spin_init pthread_spin_lock pthread_spin_trylock pthread_spin_unlock sem_destroy sem_init sem_post
    sem_timedwait sem_trywait sem_wait shm_open shm_unlink dlmopen)
endif()
twofour_seal(twofour_cuda ${CMAKE_CURRENT_SOURCE_DIR}/native/cuda/exports.map ${runtime_symbols})
message(STATUS "CUDA plugin: ${CMAKE_CUDA_COMPILER}, headers in ${TWOFOUR_CUBLASLT_INCLUDE}")
